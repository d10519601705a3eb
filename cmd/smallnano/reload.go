package main

import (
	"flag"
	"log/slog"
	"os"
	"os/signal"

	"github.com/smallnano/smallnano/config"
)

// reloadOnSignal has the node read its settings again when it is asked to, from
// the file, the variables and the flags it was started with. It takes over what
// can change at run time and says what cannot. The function that it returns ends
// that.
func (n *liveNode) reloadOnSignal(levels *logs, args, environ []string) (end func()) {
	if len(reloadSignals) == 0 {
		return func() {}
	}
	asked, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(asked, reloadSignals...)
	running := *n.settings
	go func() {
		for {
			select {
			case <-asked:
				running = reload(n.log, levels, n.node, running, args, environ)
				n.settle(args, environ)
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(asked)
		close(done)
	}
}

// settle notes where the settings come from that a reload took over. One that was
// refused changes nothing.
func (n *liveNode) settle(args, environ []string) {
	c, fresh, err := config.Explain(flag.NewFlagSet("node run", flag.ContinueOnError), args, environ)
	if err == nil && c.Validate() == nil {
		now := config.Running(*n.origins.Load(), fresh)
		n.origins.Store(&now)
	}
}

// prunes is the part of a node that is told what to keep.
type prunes interface {
	SetPruning(maxBlocksPerAccount uint64, maxLedgerBytes int64)
}

// reload returns the settings that hold after it.
func reload(log *slog.Logger, levels *logs, node prunes, running config.Config, args, environ []string) config.Config {
	fresh, err := config.Load(flag.NewFlagSet("node run", flag.ContinueOnError), args, environ)
	if err == nil {
		err = fresh.Validate()
	}
	if err != nil {
		log.Error("the settings were not read again; the node goes on with the old ones", "err", err)
		return running
	}
	changes := config.Changes(&running, &fresh)
	for _, c := range changes {
		if !c.Applied {
			log.Warn("this setting needs a restart", "setting", c.Name, "was", c.Was, "is", c.Is)
		}
	}
	was := levels.levels.Load().String() // perhaps set by the RPC in the meantime
	if is, err := levels.change(fresh.LogLevel); err != nil {
		log.Error("the log level was not changed", "err", err)
	} else {
		running.LogLevel = fresh.LogLevel
		if was != is {
			log.Warn("log level changed", "was", was, "is", is)
		}
	}
	if fresh.MemoryLimitMB != running.MemoryLimitMB {
		limitMemory(&fresh)
		log.Warn("memory limit changed", "memory_limit_mb", fresh.MemoryLimitMB)
		running.MemoryLimitMB = fresh.MemoryLimitMB
	}
	if fresh.MaxBlocksPerAccount != running.MaxBlocksPerAccount || fresh.MaxLedgerBytes != running.MaxLedgerBytes {
		node.SetPruning(uint64(fresh.MaxBlocksPerAccount), fresh.MaxLedgerBytes)
		log.Warn("pruning changed", "max_blocks_per_account", fresh.MaxBlocksPerAccount, "max_ledger_bytes", fresh.MaxLedgerBytes)
		running.MaxBlocksPerAccount, running.MaxLedgerBytes = fresh.MaxBlocksPerAccount, fresh.MaxLedgerBytes
	}
	if len(changes) == 0 {
		log.Info("the settings were read again and are the same")
	}
	return running
}
