package rpc

var controlActions = []*action{
	{
		name: "stop", role: Operator,
		summary: "Stop the node in good order. The answer comes before it has stopped.",
		result:  []field{has("success", formText, "empty")},
		handle:  stop,
	},
	{
		name: "log_level", role: Operator,
		summary: "Tell what the log writes, or set it until the settings are read again.",
		params:  []param{may("levels", formText, "debug, info, warn or error, and others for subsystems: info,peers=debug")},
		result:  []field{has("levels", formText, "what holds now")},
		errors:  []*errorKind{}, handle: logLevel,
	},
	{
		name: "settings", role: Operator,
		summary: "Tell the settings that the node runs with, and where each comes from.",
		result: []field{
			has("settings", formList, "all of them, in the order of the file"),
			has("settings[].name", formText, "as in the file"),
			has("settings[].value", formText, "what holds"),
			has("settings[].from", formText, "default, the file with the line, the variable, the flag, or the action that changed it"),
		},
		errors: []*errorKind{}, handle: showSettings,
	},
	{
		name: "debug_fail_actor", role: Operator, devOnly: true,
		summary: "Make an actor fail, to try out its supervision. On the dev network only.",
		params:  []param{need("actor", formText, "name of the actor, as in health")},
		result:  []field{has("success", formText, "empty")},
		errors:  []*errorKind{actorNotFound}, handle: debugFailActor,
	},
	{
		name: "debug_kill_at", role: Operator, devOnly: true,
		summary: "Have the process die when a wallet comes to a step of making a block, as kill -9 would end it. On the dev network only.",
		params:  []param{need("step", formText, "requested, reserved, signed, torn, stored, published, processed, answered or confirmed")},
		result:  []field{has("success", formText, "empty")},
		handle:  debugKillAt,
	},
}

func debugKillAt(c *call) (any, error) {
	step := c.word("step")
	if c.err != nil {
		return nil, c.err
	}
	return obj("success", ""), c.backend.KillAt(step)
}

func stop(c *call) (any, error) {
	c.backend.Stop()
	return obj("success", ""), nil
}

func debugFailActor(c *call) (any, error) {
	name := c.word("actor")
	if c.err != nil {
		return nil, c.err
	}
	return obj("success", ""), c.backend.FailActor(name)
}

func showSettings(c *call) (any, error) {
	tell := c.server.config.Settings
	if tell == nil {
		return nil, notServed.because("this node does not tell its settings")
	}
	settings := tell()
	out := make([]object, len(settings))
	for i, s := range settings {
		out[i] = obj("name", s.Name, "value", s.Value, "from", s.From)
	}
	return obj("settings", out), nil
}

func logLevel(c *call) (any, error) {
	levels, _ := c.scalar("levels")
	if c.err != nil {
		return nil, c.err
	}
	set := c.server.config.LogLevel
	if set == nil {
		return nil, notServed.because("the log of this node has one level")
	}
	now, err := set(levels)
	if err != nil {
		return nil, badParameter.because("levels: %s", err)
	}
	return obj("levels", now), nil
}
