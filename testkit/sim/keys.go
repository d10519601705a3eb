package sim

import (
	"sync"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/testkit"
)

// maxKeys bounds the keys that are remembered.
const maxKeys = 1 << 12

// keys are those that were made: worlds use the same ones, and making one takes as
// long as signing.
var keys = struct {
	sync.Mutex
	made map[int]crypto.PrivateKey
}{made: map[int]crypto.PrivateKey{}}

// key returns testkit.Key(i).
func key(i int) crypto.PrivateKey {
	keys.Lock()
	defer keys.Unlock()
	k, known := keys.made[i]
	if !known {
		k = testkit.Key(i)
		if len(keys.made) >= maxKeys {
			clear(keys.made)
		}
		keys.made[i] = k
	}
	return k
}
