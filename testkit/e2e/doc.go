// Package e2e tests the program as its user meets it: the real binary, in
// processes of their own, over loopback. It holds tests only. What can be tested
// in a ring below is tested there; here stands what needs processes: files,
// signals, ports, kill -9, several nodes and a network between them.
//
// The tests wait for conditions, through the RPC, each with a deadline; they
// never sleep. The binary is built once, for the target and with the race
// detector if the tests are. With -short only the quick ones run.
// TestHosts gives each node a network namespace, with addresses and a line of its
// own; it needs root, iproute2 and util-linux, and is skipped without.
// With SMALLNANO_E2E_FULL=1 TestWeight makes 2,000 transfers, TestDoubleSpends
// 1,000 double spends, and the crowd of TestHostileCrowd is 750 peers; else a few.
package e2e
