package store

import (
	"bytes"
	"context"
	"io/fs"
	"sync"
)

// Memory keeps values in memory, for a test: two clients that use it one after the other are one device
// before and after a restart. The zero Memory is empty and ready; it may be used from any goroutine.
type Memory struct {
	mu     sync.Mutex
	values map[string][]byte
}

// Load gives a copy of the value of a key, and [fs.ErrNotExist] if there is none.
func (m *Memory) Load(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, explain("load", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.values[key]
	if !ok {
		return nil, explain("load", key, fs.ErrNotExist)
	}
	return bytes.Clone(data), nil
}

// Save keeps a copy of data as the value of a key.
func (m *Memory) Save(ctx context.Context, key string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return explain("save", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = make(map[string][]byte)
	}
	m.values[key] = append([]byte{}, data...)
	return nil
}

// Delete removes the value of a key, if there is one.
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return explain("delete", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, key)
	return nil
}
