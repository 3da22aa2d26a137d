package lwm2m

import "context"

// Store keeps the state of clients over restarts of the process and of the device; see Config.Store. Package store
// has one in a folder of files and one in memory. Several clients may share a Store: their endpoints are part of the
// keys. It is called from several goroutines, but for one key never twice at the same time, and never on
// the goroutine that speaks with servers.
//
// What is kept contains keys of servers: it should be readable by the device alone.
type Store interface {
	// Load gives the data that was saved last under a key. The error is fs.ErrNotExist, or wraps it, if there is
	// none. Data together with another error were saved earlier, as the newest are damaged: the client uses
	// them and logs the error.
	Load(ctx context.Context, key string) ([]byte, error)
	// Save replaces the data of a key as a whole: after a crash at any instant there are the old data or the new
	// ones, and once it has returned nil the new ones. It must not keep data.
	Save(ctx context.Context, key string, data []byte) error
	// Delete removes a key for good, if it is there: data that were deleted before a crash must not come back.
	Delete(ctx context.Context, key string) error
}
