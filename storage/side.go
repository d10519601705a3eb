package storage

import (
	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/messages/lattice"
)

func (t *tx) PutFinalVote(root lattice.QualifiedRoot, hash lattice.Hash) (lattice.Hash, error) {
	final, found, err := t.FinalVote(root)
	if err != nil || found {
		return final, err
	}
	final, found, err = confirmedAt(t, root)
	if err != nil || found {
		return final, err
	}
	return hash, t.write(func() error {
		t.counts.votes++
		t.c.fresh.votes[root] = finalVote{hash, true}
		_, err := t.c.exec("INSERT INTO final_votes (account, previous, hash) VALUES (?, ?, ?)", func(s *sqlite.Stmt) {
			s.BindBytes(1, root.Account[:])
			s.BindBytes(2, root.Previous[:])
			s.BindBytes(3, hash[:])
		})
		return err
	})
}

func (t *tx) PutWeightSample(sample lattice.WeightSample, keep int) error {
	if err := checkKeep(keep); err != nil {
		return err
	}
	return t.write(func() error {
		_, err := t.c.exec("INSERT INTO online_weight (time, weight) VALUES (?, ?)", func(s *sqlite.Stmt) {
			s.BindInt64(1, sample.Time.Unix())
			bindAmount(s, 2, sample.Weight)
		})
		if err != nil {
			return err
		}
		_, err = t.c.exec("DELETE FROM online_weight WHERE id <= (SELECT max(id) FROM online_weight) - ?",
			func(s *sqlite.Stmt) { s.BindInt64(1, int64(keep)) })
		return err
	})
}

func (t *tx) PutPeers(peers []Peer) error {
	if err := checkPeers(peers); err != nil {
		return err
	}
	return t.write(func() error {
		if _, err := t.c.exec("DELETE FROM peers", nil); err != nil {
			return err
		}
		for _, p := range sortPeers(peers) {
			_, err := t.c.exec("INSERT INTO peers (address, last_seen) VALUES (?, ?)", func(s *sqlite.Stmt) {
				s.BindText(1, p.Address.String())
				s.BindInt64(2, p.LastSeen.Unix())
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) SetValue(name string, value []byte) error {
	if err := checkValue(name, value); err != nil {
		return err
	}
	return t.write(func() error {
		if value == nil {
			_, err := t.c.exec("DELETE FROM settings WHERE name = ?", func(s *sqlite.Stmt) { s.BindText(1, name) })
			return err
		}
		_, err := t.c.exec("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", func(s *sqlite.Stmt) {
			s.BindText(1, name)
			if len(value) == 0 {
				s.BindZeroBlob(2, 0) // an empty slice would be bound as NULL
				return
			}
			s.BindBytes(2, value)
		})
		return err
	})
}
