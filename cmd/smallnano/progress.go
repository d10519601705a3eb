package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// show prints a result: as JSON, or as text.
func (p *program) show(asJSON bool, result any, text func()) error {
	if !asJSON {
		text()
		return nil
	}
	b, err := json.MarshalIndent(result, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(p.out, "%s\n", b)
	}
	return err
}

// progress shows on a terminal that something goes on, and for how long, until
// stop is called. Where there is no terminal it says nothing. What ends soon is
// not shown.
func (p *program) progress(what string) (stop func()) {
	f, is := p.err.(*os.File)
	if !is || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	began, done := time.Now(), make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		shown := false
		for {
			select {
			case now := <-tick.C:
				shown = true
				fmt.Fprintf(f, "\r%s... %d s ", what, int(now.Sub(began).Seconds()))
			case <-done:
				if shown {
					fmt.Fprint(f, "\r\x1b[K")
				}
				return
			}
		}
	})
	var once sync.Once
	return func() {
		once.Do(func() { close(done) })
		ended.Wait()
	}
}
