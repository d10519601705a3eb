package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestAnswerLost: a node that took a request and went away may have done it; one
// that was not reached has not.
func TestAnswerLost(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"no answer": func(w http.ResponseWriter) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				c.Close()
			}
		},
		"half an answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte(`{"result":`))
		},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
		_, err := (&client{url: server.URL}).call(t.Context(), "send", nil)
		if code := exitCode(err); code != exitUnsure {
			t.Errorf("%s: %v, exit code %d", name, err, code)
		}
		server.Close()
		if _, err = (&client{url: server.URL}).call(t.Context(), "send", nil); exitCode(err) != exitNoNode {
			t.Errorf("nobody there: %v, exit code %d", err, exitCode(err))
		}
	}
	late, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if _, err := (&client{url: "http://127.0.0.1:1"}).call(late, "send", nil); err == nil {
		t.Error("no error")
	}
}
