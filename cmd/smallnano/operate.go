package main

// operatorCommands are the commands of whoever keeps a node running.
func operatorCommands() []command {
	return []command{
		{"status", "[flags]", "tell on one screen how a running node is", runStatus},
		{"top", "[flags]", "watch a running node", runTop},
		{"config check", "[flags]", "check the settings without starting a node", runConfigCheck},
		{"config show", "[flags]", "show every setting that holds, and where it comes from", runConfigShow},
	}
}
