package main

// operatorCommands are the commands of whoever keeps a node running.
func operatorCommands() []command {
	return []command{
		{"status", "[flags]", "tell on one screen how a running node is", runStatus},
		{"top", "[flags]", "watch a running node", runTop},
		{"doctor", "[flags]", "find what is wrong with a node and its machine, and how to repair it", runDoctor},
		{"config check", "[flags]", "check the settings without starting a node", runConfigCheck},
		{"config show", "[flags]", "show every setting that holds, and where it comes from", runConfigShow},
		{"config migrate", "[flags]", "rewrite the settings file of an older program", runConfigMigrate},
		{"network new", "[flags] FILE", "make the parameters and the genesis key of a private network", runNetworkNew},
		{"network weights", "[flags] FILE", "write the network file anew, with the weights that a node's ledger has now", runNetworkWeights},
		{"report", "[flags] FILE", "gather in a file what helps to find out what is wrong, without secrets", runReport},
		{"ledger check", "[flags]", "audit the ledger of a stopped or running node", runLedgerCheck},
		{"ledger vacuum", "[flags]", "give free space in the ledger of a stopped node back", runLedgerVacuum},
		{"backup", "[flags] FOLDER", "copy the ledger of a stopped or running node, and audit the copy", runBackup},
		{"restore", "[flags] FOLDER", "put a backup into the place of a stopped node's ledger", runRestore},
	}
}
