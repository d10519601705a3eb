package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// maxPage is the most that the page may weigh, in bytes.
const maxPage = 150_000

func TestPage(t *testing.T) {
	w := httptest.NewRecorder()
	webPage().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	text, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
	if w.Code != http.StatusOK || len(text) == 0 || len(text) > maxPage {
		t.Errorf("code %d, %d bytes", w.Code, len(text))
	}
	if strings.Count(policy, "'sha256-") != 2 || strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
	// The hashes are of the one script and the one style; an attribute that holds
	// either would not run, and nothing may come from elsewhere.
	for pattern, most := range map[string]int{
		`<script`: 1, `<style`: 1, ` on[a-z]+=`: 0, ` style=`: 0, `(?i)https?:`: 0, `//[a-z]+\.`: 0, `innerHTML|insertAdjacent|document\.write|eval\(`: 0, `(?i)token|authorization`: 0,
	} {
		if got := len(regexp.MustCompile(pattern).FindAllString(text, -1)); got != most {
			t.Errorf("%s is there %d times, want %d", pattern, got, most)
		}
	}
	w = httptest.NewRecorder()
	webPage().ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d bytes", w.Body.Len())
	}
}
