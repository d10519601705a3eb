package storage

// LimitBuffer makes transactions of a file write early.
func LimitBuffer(s Store, most int) { s.(*file).writer.buffer.most = most }
