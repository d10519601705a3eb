package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strconv"
)

// page is the web page of the node: one file, which reads what the public and
// the probe may read and has nothing to press.
//
//go:embed web/index.html
var page []byte

// webPage serves the page.
func webPage() http.Handler {
	policy := pagePolicy(page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(page)))
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		if r.Method != http.MethodHead {
			_, _ = w.Write(page) // who went away does not want it
		}
	})
}

// pagePolicy lets a browser run the one script and use the one style of a page,
// known by their hashes, and let the script ask this node; nothing else.
func pagePolicy(html []byte) string {
	hash := func(element string) string {
		_, rest, _ := bytes.Cut(html, []byte("<"+element+">"))
		text, _, found := bytes.Cut(rest, []byte("</"+element+">"))
		if !found {
			panic("smallnano: the page has no " + element)
		}
		sum := sha256.Sum256(text)
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; script-src " + hash("script") + "; style-src " + hash("style") +
		"; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
