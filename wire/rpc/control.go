package rpc

var controlActions = []*action{
	{
		name: "stop", role: Operator,
		summary: "Stop the node in good order. The answer comes before it has stopped.",
		result:  []field{has("success", formText, "empty")},
		handle:  stop,
	},
	{
		name: "debug_fail_actor", role: Operator, devOnly: true,
		summary: "Make an actor fail, to try out its supervision. On the dev network only.",
		params:  []param{need("actor", formText, "name of the actor, as in health")},
		result:  []field{has("success", formText, "empty")},
		errors:  []*errorKind{actorNotFound}, handle: debugFailActor,
	},
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
