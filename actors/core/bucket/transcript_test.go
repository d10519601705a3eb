package bucket

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/testkit/transcript"
)

// TestTranscripts plays the machines that pace a flood: window.txt and
// admission.txt.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, func(t *testing.T) transcript.Stage {
		return &paceStage{t: t, now: time.Unix(1_000_000, 0).UTC(), window: NewWindow(64), held: NewAdmission[string](6), crowd: &Crowd{Share: 4}}
	})
}

// paceStage is a Window, an Admission and the Crowd that it serves.
type paceStage struct {
	t      *testing.T
	now    time.Time
	window *Window
	held   *Admission[string]
	crowd  *Crowd
	said   strings.Builder
}

// Do implements transcript.Stage.
//
//	note N TIME      N blocks of the others, 20 ms apart, took so long
//	borrowed N       so many elections are borrowed
//	tick, wait TIME  the machine is told the time; time goes by
//	crowd BUCKET N NEXT   a bucket has N unconfirmed blocks, the next one's account was used then
//	block BUCKET USED NAME  a new block comes
//	take N           a portion is taken
//	pause TIME       what follows a portion that took so long
func (s *paceStage) Do(words []string) {
	switch words[0] {
	case "note":
		for range s.number(words[1]) {
			s.now = s.now.Add(20 * time.Millisecond)
			s.window.Note(s.time(words[2]), s.now)
		}
		s.say("%v; open %d", s.window, s.window.Open())
	case "borrowed":
		s.window.Borrowed(s.number(words[1]), s.now)
		s.say("%v; open %d", s.window, s.window.Open())
	case "tick":
		s.window.Tick(s.now)
		s.say("%v; open %d", s.window, s.window.Open())
	case "wait":
		s.now = s.now.Add(s.time(words[1]))
	case "crowd":
		b := s.number(words[1])
		s.crowd.Unconfirmed[b], s.crowd.Next[b] = s.number(words[2]), time.Unix(int64(s.number(words[3])), 0)
		s.say("crowded: %t", s.crowd.Any())
	case "block":
		b, used := s.number(words[1]), time.Unix(int64(s.number(words[2])), 0)
		if s.crowd.Admits(b, used) {
			s.say("%s goes at once", words[3])
			return
		}
		if dropped, full := s.held.Put(b, used, words[3]); full {
			s.say("%s is one too many", dropped)
		}
		s.say("%v", s.held)
	case "take":
		s.say("[%s] %v", strings.Join(s.held.Take(s.number(words[1])), " "), s.held)
	case "pause":
		s.say("%v", AdmitPause(s.time(words[1]), s.window.Open()))
	default:
		s.t.Fatalf("unknown command %q", words)
	}
}

// Drain implements transcript.Stage.
func (s *paceStage) Drain() string {
	text := s.said.String()
	s.said.Reset()
	return text
}

func (s *paceStage) say(format string, args ...any) { fmt.Fprintf(&s.said, format+"\n", args...) }

func (s *paceStage) number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *paceStage) time(word string) time.Duration {
	d, err := time.ParseDuration(word)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}
