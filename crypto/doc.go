// Package crypto holds the few cryptographic rules that every node must agree
// on, as plain functions from bytes to bytes: the Ed25519 signature rule, the
// BLAKE2b digests, the address text and the derivation of wallet accounts, and
// beside them how a wallet's secret is kept: as words and as a sealed file. It
// is a leaf: it knows no block, no vote and no network.
//
// # The signature rule
//
// A signature (R, S) by key A over message M is valid if and only if
//
//   - S, read as a little-endian integer, is below the group order L;
//   - A and R are the canonical encodings of points of the curve;
//   - A is not one of the eight points of small order;
//   - [8](S·B − R − k·A) is the neutral element, k = SHA-512(R ‖ A ‖ M) mod L.
//
// [Verify] and [VerifyBatch] are the only ways to check a signature in this
// module and always agree with each other. The standard library's
// crypto/ed25519 does not: it leaves out the factor 8, so it refuses some
// signatures (crafted ones with a small-order part in R or A) that no batch
// check can refuse reliably. Nodes that mixed the two could be split at will.
//
// Do not use this package for secrets beyond signing and keystores: verification,
// addresses and digests run in variable time on public data.
package crypto
