package actors

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// Bounds of what work peers are given.
const (
	maxWorkPeers      = 16
	maxWorkPeerAnswer = 4 << 10 // bytes
)

// workPeers are machines that search for work too, by the protocol of the work
// servers of the field. Nothing that they say is believed: a nonce is checked.
// Safe for concurrent use; the zero value has none.
type workPeers struct {
	mu    sync.Mutex
	peers []netip.AddrPort
}

func (p *workPeers) list() []netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.peers)
}

func (p *workPeers) add(a netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.peers, a) {
		return true
	}
	if len(p.peers) >= maxWorkPeers {
		return false
	}
	p.peers = append(p.peers, a)
	return true
}

func (p *workPeers) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peers = nil
}

// search finds work on this machine, unless threads is 0, and on the peers at
// the same time, each on a goroutine of spawn. The first that has some ends the
// others.
func (p *workPeers) search(ctx context.Context, root lattice.Root, threshold, start uint64, threads int, spawn func(func())) (uint64, error) {
	peers := p.list()
	if len(peers) == 0 {
		return work.Search(ctx, root, threshold, start, threads)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type found struct {
		nonce uint64
		err   error
	}
	results, searches := make(chan found, len(peers)+1), len(peers)
	for _, peer := range peers {
		spawn(func() {
			nonce, err := askWorkPeer(ctx, peer, root, threshold)
			results <- found{nonce, err}
		})
	}
	if threads > 0 {
		searches++
		spawn(func() {
			nonce, err := work.Search(ctx, root, threshold, start, threads)
			results <- found{nonce, err}
		})
	}
	var failed []error
	for range searches {
		f := <-results
		if f.err == nil {
			return f.nonce, nil
		}
		failed = append(failed, f.err)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("%w: %w", rpc.ErrWorkFailed, errors.Join(failed...))
}

// workClient follows no redirect and uses no proxy: a peer is one address.
var workClient = &http.Client{
	Transport:     &http.Transport{},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// askWorkPeer asks one machine. It waits for as long as the context lasts: the
// search takes as long as it takes.
func askWorkPeer(ctx context.Context, peer netip.AddrPort, root lattice.Root, threshold uint64) (uint64, error) {
	body, err := json.Marshal(map[string]string{
		"action": "work_generate", "hash": lattice.Hash(root).String(), "difficulty": fmt.Sprintf("%016x", threshold),
	})
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+peer.String()+"/", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := workClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var told struct{ Work, Error string }
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxWorkPeerAnswer)).Decode(&told); err != nil {
		return 0, fmt.Errorf("work peer %s: %w", peer, err)
	}
	nonce, err := strconv.ParseUint(told.Work, 16, 64)
	switch {
	case told.Error != "":
		return 0, fmt.Errorf("work peer %s: %.100q", peer, told.Error)
	case err != nil || !work.Valid(root, nonce, threshold):
		return 0, fmt.Errorf("work peer %s: %.32q is not the work that was asked for", peer, told.Work)
	}
	return nonce, nil
}
