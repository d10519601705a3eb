package bootstrap

import (
	"container/list"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// maxPeers bounds the peers that are asked; the driver has fewer connections.
	maxPeers = 256
	// maxLate bounds the requests that are remembered after they timed out, so
	// that their answers are not taken for unsolicited ones.
	maxLate = 256
	// distrustTime is how long a peer that told falsely, or tells but does not
	// deliver, is not asked for frontiers.
	distrustTime = time.Minute
	// maxSilent is how often a peer may be silent in a row before it is distrusted.
	maxSilent = 3
	// blameSilent is the same before it is blamed: an answer may be lost by accident.
	// One that has never answered is blamed as soon as it is distrusted.
	blameSilent = 5
	// maxFailed is how many deliveries in a row of a peer may fail before it is
	// distrusted. Forks that an honest peer helps to settle are fewer.
	maxFailed = 4
	// scanTries is Config.Tries for accounts that a scan found: the next one finds
	// them again, but only that often, if nobody can give what all tell of.
	scanTries = 2
	// firstWindow is how many requests a new peer may have open, leastWindow how many
	// any may.
	firstWindow, leastWindow = 8, 4
	// maxSettle bounds how long a slow block processor is waited for.
	maxSettle = 2 * time.Minute
	// minBatch is the least number of blocks that are asked for at once, while
	// there are more.
	minBatch = 8
	// blockedRetry is how long an account waits for its source until both are asked
	// for again.
	blockedRetry = time.Minute
)

// peer is a connection that may be asked.
type peer struct {
	conn       peering.ConnID
	inFlight   int
	window     int       // how many requests it may have open now
	answered   bool      // anything, ever
	silent     int       // how often in a row it did not answer in time
	silentAt   time.Time // when that was last counted
	failed     int       // deliveries in a row that were refused for good
	until      time.Time // not asked before: it was busy or silent
	distrusted time.Time // not asked for frontiers before
	lastPage   uint64    // number of the page it was last asked for; 0: none
	earlier    int       // answers to requests of an earlier client
}

// request is a question that is open.
type request struct {
	Request
	sent   time.Time
	task   *task        // for blocks
	prev   lattice.Hash // what the first block must follow
	forked bool         // asked from the confirmed frontier up
	ahead  bool         // asked while what it follows is being processed
	head   *head        // for frontiers
}

type lateRequest struct {
	conn peering.ConnID
	id   uint64
}

// Client is the asking side of bootstrapping.
type Client struct {
	cfg   Config
	peers []*peer
	open  []*request
	late  []lateRequest
	id    uint64 // of the last request

	tasks     map[key]*task
	voted     *list.List // tasks to ask for, first come first served
	urgent    *list.List // likewise, in turn with those
	turn      bool       // of what is voted for
	scanned   *list.List // likewise, after the urgent ones
	long      []*task    // delivered, and their peer has more
	waiting   *list.List // to be asked for again at their time
	delivered *list.List // blocks are with the block processor; longest silent first
	blocked   *list.List // wait for a source; oldest first
	blockedBy map[lattice.Hash][]*task
	sources   int // tasks of mode ByHash

	settling    time.Duration // how long delivered blocks take lately
	outstanding int           // blocks asked for or delivered, not heard of yet
	paused      bool
	unconfirmed uint64 // blocks when last told, and all inserted since
	held, room  int    // blocks that wait for others in the driver's buffer, and most that it takes
	overload    time.Duration
	pausedUntil time.Time

	pruned []lostAccount // at most maxPrunedAway

	scan  scan
	stats Stats
	meter meter
	ready Ready
}

// New returns a client without peers. It panics when the configuration does
// not pass Validate.
func New(cfg Config) *Client {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Client{
		cfg: cfg, id: cfg.FirstID, tasks: make(map[key]*task), blockedBy: make(map[lattice.Hash][]*task),
		voted: list.New(), urgent: list.New(), scanned: list.New(), waiting: list.New(), delivered: list.New(), blocked: list.New(),
		scan: newScan(cfg),
	}
}

// PeerUp reports a connection that may be asked. The first one starts a scan at
// once; a further one does unless the last scan has just ended.
func (c *Client) PeerUp(conn peering.ConnID, now time.Time) {
	if c.peer(conn) != nil || len(c.peers) >= maxPeers {
		return
	}
	c.peers = append(c.peers, &peer{conn: conn, window: min(firstWindow, c.cfg.MaxPerPeer)})
	if len(c.peers) == 1 {
		c.scan.start(now)
	} else {
		c.scan.nudge(now)
	}
	for e := c.waiting.Front(); e != nil; e = e.Next() {
		e.Value.(*task).due = now
	}
}

// PeerDown reports that a connection is gone. What it was asked for is asked of
// others.
func (c *Client) PeerDown(conn peering.ConnID, now time.Time) {
	c.peers = slices.DeleteFunc(c.peers, func(p *peer) bool { return p.conn == conn })
	c.prunedWithout(conn)
	for _, r := range slices.Clone(c.open) {
		if r.Conn == conn {
			c.shut(r)
			c.unanswered(r, now)
		}
	}
}

// Pause stops asking for blocks, or resumes.
func (c *Client) Pause(paused bool) { c.paused = paused }

// Unconfirmed tells how many blocks of the ledger are not confirmed yet. Above
// the allowance the client pauses; it resumes when a tenth of it is free again,
// so that it does not go on and off with every block. What is inserted between
// two calls counts too: the ledger never holds more than the allowance and one
// answer for what this client asked for; and a quarter more for blocks that
// representatives vote for, and what those stand on.
func (c *Client) Unconfirmed(n uint64) {
	c.unconfirmed = n
	switch {
	case n >= c.cfg.MaxUnconfirmed:
		c.Pause(true)
	case n <= c.cfg.MaxUnconfirmed-c.cfg.MaxUnconfirmed/10:
		c.Pause(false)
	}
}

// Buffer tells how many delivered blocks the driver holds because they came
// before what they depend on, and how many it can hold. While it is nearly full
// only what something waits for is asked for.
func (c *Client) Buffer(held, room int) { c.held, c.room = held, room }

// allowed reports whether the allowance, and so much more, has room for what is under
// way.
func (c *Client) allowed(more uint64) bool {
	return c.unconfirmed+uint64(c.outstanding) < c.cfg.MaxUnconfirmed+more
}

// roomy reports whether blocks that come too early are kept.
func (c *Client) roomy() bool { return c.held < c.room-c.room/4 }

// Tick does what time brings: gives up on requests, brings back what waited
// long enough. A few calls a second are enough.
func (c *Client) Tick(now time.Time) {
	for _, r := range slices.Clone(c.open) {
		if now.Sub(r.sent) >= c.cfg.Timeout {
			c.timeout(r, now)
		}
	}
	c.tickTasks(now)
	c.tickPruned(now)
	c.meter.tick(now)
}

// timeout gives up on a request. A peer that stays silent is left alone for
// longer each time; what was lost together counts once.
func (c *Client) timeout(r *request, now time.Time) {
	c.stats.Timeouts++
	c.shut(r)
	if len(c.late) == maxLate {
		c.late = slices.Delete(c.late, 0, 1)
	}
	c.late = append(c.late, lateRequest{r.Conn, r.ID})
	if p := c.peer(r.Conn); p != nil {
		p.window = max(p.window/2, min(leastWindow, c.cfg.MaxPerPeer))
		c.silent(p, now)
	}
	c.unanswered(r, now)
}

func (c *Client) silent(p *peer, now time.Time) {
	if p.silent > 0 && now.Sub(p.silentAt) < c.cfg.Timeout {
		return
	}
	p.silent, p.silentAt = p.silent+1, now
	if p.silent > 1 {
		p.until = now.Add(min(c.cfg.Timeout<<min(p.silent-2, 5), distrustTime))
	}
	if p.answered && p.silent == blameSilent || !p.answered && p.silent == maxSilent { // once, until it answers again
		c.blame(p.conn, Stalled)
	}
	if p.silent >= maxSilent {
		c.distrust(p, now)
	}
}

// unanswered puts what a request was for back to where it came from.
func (c *Client) unanswered(r *request, now time.Time) {
	if r.Kind == AskFrontiers {
		c.pageAnswered(r.head, now)
		return
	}
	if r.task.gone() {
		return
	}
	if r.ahead {
		c.notAhead(r)
		return
	}
	c.tried(r.task, r.Conn)
	c.queue(r.task, true)
}

// distrust stops asking a peer for frontiers for a while, and forgets what only
// it has told: a page of invented accounts shall not keep us busy.
func (c *Client) distrust(p *peer, now time.Time) {
	p.distrusted = now.Add(distrustTime)
	for _, l := range []*list.List{c.scanned, c.waiting} {
		for e := l.Front(); e != nil; {
			t := e.Value.(*task)
			e = e.Next()
			if t.via == p.conn && !t.urgent && !t.others {
				c.remove(t)
			}
		}
	}
}

// blame discards an answer.
func (c *Client) blame(conn peering.ConnID, why Reason) {
	c.stats.Bad++
	c.ready.Bad = append(c.ready.Bad, Bad{conn, why})
}

// Ready decides what to ask for next and returns all that is to be done since
// the last call. It looks up in the ledger the accounts that it asks for, at
// most one for each request that may be open. An error is the ledger's; what is
// returned beside it is to be done all the same.
func (c *Client) Ready(local Ledger, now time.Time, rng *rand.Rand) (Ready, error) {
	c.askFrontiers(now, rng)
	err := c.askBlocks(local, now, rng)
	r := c.ready
	c.ready = Ready{}
	return r, err
}

// send opens a request.
func (c *Client) send(r *request, p *peer, now time.Time) {
	c.id++
	r.ID, r.Conn, r.sent = c.id, p.conn, now
	p.inFlight++
	c.open = append(c.open, r)
	if r.Kind == AskBlocks {
		c.outstanding += r.Count
	}
	c.stats.Requests++
	c.ready.Requests = append(c.ready.Requests, r.Request)
}

// shut closes a request, answered or not.
func (c *Client) shut(r *request) {
	c.open = slices.DeleteFunc(c.open, func(x *request) bool { return x == r })
	if r.Kind == AskBlocks {
		c.outstanding -= r.Count
		if !r.task.gone() && !r.ahead {
			r.task.asked = false
		}
	}
	if p := c.peer(r.Conn); p != nil {
		p.inFlight--
	}
}

// answered finds and closes the open request that an answer belongs to. An
// answer to a request that timed out is ignored, and so are as many of a peer to
// requests of an earlier client as that may have had under way: they may come
// before this client is told of the peer, and after the line was down for long.
// Any other one is blamed.
func (c *Client) answered(conn peering.ConnID, id uint64, kind Kind, now time.Time) *request {
	i := slices.IndexFunc(c.open, func(r *request) bool { return r.Conn == conn && r.ID == id && r.Kind == kind })
	if i >= 0 {
		r := c.open[i]
		c.shut(r)
		if p := c.peer(conn); p != nil {
			p.silent, p.answered = 0, true
			c.widen(p, now.Sub(r.sent))
		}
		return r
	}
	if i = slices.Index(c.late, lateRequest{conn, id}); i >= 0 {
		c.late = slices.Delete(c.late, i, i+1)
		c.stats.Late++
		return nil
	}
	if p := c.peer(conn); id <= c.cfg.FirstID && (p == nil || p.earlier < maxLate) {
		c.stats.Late++
		if p != nil {
			p.earlier++
		}
		return nil
	}
	c.blame(conn, Unsolicited)
	return nil
}

// widen fits the number of requests that a peer may have open to how soon it
// answers: over a slow line, or from a busy node, many at once would all be late.
func (c *Client) widen(p *peer, took time.Duration) {
	switch {
	case took <= c.cfg.Timeout/16:
		p.window = min(p.window+1, c.cfg.MaxPerPeer)
	case took > c.cfg.Timeout/4:
		p.window = max(p.window-1, min(leastWindow, c.cfg.MaxPerPeer))
	}
}

func (c *Client) peer(conn peering.ConnID) *peer {
	for _, p := range c.peers {
		if p.conn == conn {
			return p
		}
	}
	return nil
}

// usable reports whether a peer can take one more request. One that was silent
// gets a single one to show that it is back.
func (c *Client) usable(p *peer, now time.Time) bool {
	if p.silent > 0 && p.inFlight > 0 {
		return false
	}
	return p.inFlight < p.window && !now.Before(p.until)
}

func ledgerError(what string, account lattice.Account, err error) error {
	return fmt.Errorf("bootstrap: look up account %s to %s: %w", account.Hex(), what, err)
}
