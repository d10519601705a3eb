package crypto

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// Stretch is how much a password is worked over before it opens a keystore:
// the parameters of Argon2id (RFC 9106).
type Stretch struct {
	MemoryKiB uint32
	Time      uint32
	Threads   uint8
}

// The profiles. Low is the least that is worth having and fits beside a node in
// 64 MiB; Desktop is for where memory does not matter.
var (
	StretchLow     = Stretch{MemoryKiB: 19 << 10, Time: 2, Threads: 1}
	StretchDesktop = Stretch{MemoryKiB: 64 << 10, Time: 3, Threads: 4}
)

// Bounds of what a keystore may ask for. A file is not trusted: one that asks
// for a terabyte must not take the machine down, one that asks for nothing must
// not pass for protected.
const (
	minStretchKiB, maxStretchKiB         = 8 << 10, 1 << 20
	minStretchTime, maxStretchTime       = 1, 16
	minStretchThreads, maxStretchThreads = 1, 16
)

// Bounds of a keystore.
const (
	// MaxKeystoreSecret is the longest secret, in bytes: a seed and some 500 keys.
	MaxKeystoreSecret = 16 << 10
	// MaxKeystoreFile is the longest file that is read, in bytes.
	MaxKeystoreFile = 64 << 10
	// MaxPassword is the longest password, in bytes.
	MaxPassword = 1024
)

const (
	keystoreVersion = 1
	keystoreKDF     = "argon2id"
	keystoreCipher  = "xchacha20-poly1305"
	keystoreSalt    = 16
)

// Reasons why a keystore is not opened.
var (
	// ErrWrongPassword: the password is wrong, or the file was changed; nobody can
	// tell these apart.
	ErrWrongPassword = errors.New("wrong password, or the keystore was changed")
	// ErrBadKeystore: the file is no keystore of this program.
	ErrBadKeystore = errors.New("not a readable keystore")
)

// KeystoreHeader is what a keystore tells without its password. It is
// authenticated: a changed one does not open.
type KeystoreHeader struct {
	Kind    string // what the secret is, for those who open it
	Wallet  string // whose it is
	Network string // of which network
	// Protected is false when the password is empty: then the file mode is all
	// that guards the secret.
	Protected bool
}

// keystoreHead is the part of the file that is authenticated beside the secret.
type keystoreHead struct {
	Version   int           `json:"smallnano_keystore"`
	Kind      string        `json:"kind"`
	Wallet    string        `json:"wallet"`
	Network   string        `json:"network"`
	Protected bool          `json:"protected"`
	Stretch   keystoreParam `json:"kdf"`
	Cipher    string        `json:"cipher"`
	Nonce     string        `json:"nonce"`
}

type keystoreParam struct {
	Name      string `json:"name"`
	MemoryKiB uint32 `json:"memory_kib"`
	Time      uint32 `json:"time"`
	Threads   uint8  `json:"threads"`
	Salt      string `json:"salt"`
}

type keystoreFile struct {
	keystoreHead
	Sealed string `json:"sealed"`
}

// Validate refuses parameters that protect nothing or ask too much.
func (s Stretch) Validate() error {
	switch {
	case s.MemoryKiB < minStretchKiB || s.MemoryKiB > maxStretchKiB:
		return fmt.Errorf("%w: argon2id memory of %d KiB, want %d to %d", ErrBadKeystore, s.MemoryKiB, minStretchKiB, maxStretchKiB)
	case s.Time < minStretchTime || s.Time > maxStretchTime:
		return fmt.Errorf("%w: argon2id time of %d, want %d to %d", ErrBadKeystore, s.Time, minStretchTime, maxStretchTime)
	case s.Threads < minStretchThreads || s.Threads > maxStretchThreads:
		return fmt.Errorf("%w: argon2id with %d threads, want %d to %d", ErrBadKeystore, s.Threads, minStretchThreads, maxStretchThreads)
	}
	return nil
}

// SealKeystore encrypts a secret under a password and returns the file to keep:
// JSON, version 1. The key is Argon2id of the password, the cipher is
// XChaCha20-Poly1305, and everything in the file but the ciphertext is
// authenticated with it. It takes s.MemoryKiB of memory while it runs; the
// caller sees to it that few do at a time. random gives salt and nonce.
func SealKeystore(random io.Reader, password, secret []byte, h KeystoreHeader, s Stretch) ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if len(secret) == 0 || len(secret) > MaxKeystoreSecret {
		return nil, fmt.Errorf("secret of %d bytes, want 1 to %d", len(secret), MaxKeystoreSecret)
	}
	if len(password) > MaxPassword {
		return nil, fmt.Errorf("password of %d bytes, want at most %d", len(password), MaxPassword)
	}
	var bytes [keystoreSalt + chacha20poly1305.NonceSizeX]byte
	if _, err := io.ReadFull(random, bytes[:]); err != nil {
		return nil, fmt.Errorf("cannot read randomness for a keystore: %w", err)
	}
	salt, nonce := bytes[:keystoreSalt], bytes[keystoreSalt:]
	f := keystoreFile{keystoreHead: keystoreHead{
		Version: keystoreVersion, Kind: h.Kind, Wallet: h.Wallet, Network: h.Network, Protected: len(password) > 0,
		Stretch: keystoreParam{keystoreKDF, s.MemoryKiB, s.Time, s.Threads, hex.EncodeToString(salt)},
		Cipher:  keystoreCipher, Nonce: hex.EncodeToString(nonce),
	}}
	f.Sealed = hex.EncodeToString(f.cipher(password, salt).Seal(nil, nonce, secret, f.authenticated()))
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		panic("crypto: a keystore cannot be encoded: " + err.Error())
	}
	return append(text, '\n'), nil
}

// OpenKeystore returns the secret in a file that SealKeystore made. The caller
// should clear it after use. Errors wrap ErrWrongPassword or ErrBadKeystore. It
// takes the memory that the file says, within bounds.
func OpenKeystore(password, file []byte) ([]byte, error) {
	f, err := parseKeystore(file)
	if err != nil {
		return nil, err
	}
	salt, nonce, sealed := mustHex(f.Stretch.Salt), mustHex(f.Nonce), mustHex(f.Sealed)
	secret, err := f.cipher(password, salt).Open(nil, nonce, sealed, f.authenticated())
	if err != nil {
		return nil, ErrWrongPassword
	}
	return secret, nil
}

// ReadKeystoreHeader returns what a keystore tells without its password. What
// it says is certain only after the keystore was opened.
func ReadKeystoreHeader(file []byte) (KeystoreHeader, error) {
	f, err := parseKeystore(file)
	if err != nil {
		return KeystoreHeader{}, err
	}
	return KeystoreHeader{Kind: f.Kind, Wallet: f.Wallet, Network: f.Network, Protected: f.Protected}, nil
}

// cipher stretches the password and returns the cipher under the key.
func (f *keystoreFile) cipher(password, salt []byte) interface {
	Seal(dst, nonce, plaintext, additionalData []byte) []byte
	Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error)
} {
	p := f.Stretch
	key := argon2.IDKey(password, salt, p.Time, p.MemoryKiB, p.Threads, chacha20poly1305.KeySize)
	defer clear(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic("crypto: xchacha20-poly1305 refuses a key of its own size: " + err.Error())
	}
	return aead
}

// authenticated returns the bytes of the head that the cipher authenticates.
func (f *keystoreFile) authenticated() []byte {
	text, err := json.Marshal(f.keystoreHead)
	if err != nil {
		panic("crypto: the head of a keystore cannot be encoded: " + err.Error())
	}
	return text
}

// parseKeystore reads a file in its one spelling, white space aside: a field
// twice, in another case or unknown is refused, so that what is authenticated
// is what is in the file.
func parseKeystore(file []byte) (*keystoreFile, error) {
	bad := func(format string, args ...any) (*keystoreFile, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrBadKeystore}, args...)...)
	}
	if len(file) > MaxKeystoreFile {
		return bad("%d bytes, want at most %d", len(file), MaxKeystoreFile)
	}
	var f keystoreFile
	if err := json.Unmarshal(file, &f); err != nil {
		return bad("%v", err)
	}
	if f.Version != keystoreVersion {
		return bad("version %d, this program knows %d: a newer one may open it", f.Version, keystoreVersion)
	}
	if f.Stretch.Name != keystoreKDF || f.Cipher != keystoreCipher {
		return bad("made with %q and %q, want %s and %s", clipText(f.Stretch.Name), clipText(f.Cipher), keystoreKDF, keystoreCipher)
	}
	if err := (Stretch{f.Stretch.MemoryKiB, f.Stretch.Time, f.Stretch.Threads}).Validate(); err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	if canonical, err := json.Marshal(f); err != nil || json.Compact(&packed, file) != nil || !bytes.Equal(canonical, packed.Bytes()) {
		return bad("fields are missing, unknown, twice or in another order")
	}
	for _, part := range []struct {
		name, digits string
		least, most  int
	}{
		{"salt", f.Stretch.Salt, keystoreSalt, keystoreSalt},
		{"nonce", f.Nonce, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX},
		{"sealed", f.Sealed, 1 + chacha20poly1305.Overhead, MaxKeystoreSecret + chacha20poly1305.Overhead},
	} {
		b, err := hex.DecodeString(part.digits)
		if err != nil || len(b) < part.least || len(b) > part.most {
			return bad("%s is not %d to %d bytes in hexadecimal: the file is damaged", part.name, part.least, part.most)
		}
	}
	return &f, nil
}

// mustHex decodes digits that parseKeystore has looked at.
func mustHex(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil {
		panic("crypto: keystore used before it was checked: " + err.Error())
	}
	return b
}

func clipText(s string) string {
	const most = 32
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
