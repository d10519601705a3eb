// Package quorum knows how much weight each representative has, how much of it
// is online, and how much of it a decision needs.
//
// Three parts, from the small to the large: Reckoning is the bare arithmetic of
// a quorum and can print itself; Weights holds the confirmed weight of every
// representative; Quorum follows who was seen voting and the samples of that,
// and keeps the Reckoning up to date.
//
// It promises that delta is never zero, never rounds up, and never rests on
// more than 128-bit arithmetic can hold; that stored samples are believed only
// as far as they can be true; and that no container grows past its named bound.
// Nothing here is safe for concurrent use, except View, which never changes.
// Do not use it for weights of unconfirmed balances: an unconfirmed block gives
// nobody a say.
package quorum
