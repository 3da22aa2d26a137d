package devicefile

import (
	"context"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Simulated is a value that changes by itself.
type Simulated struct {
	Path   model.Path
	Course Course
	Every  time.Duration // between two samples
}

// Simulate sets the values at their pace until ctx ends: each at once, and then every so often. write is called one
// value at a time; what is late, because the computer slept or write took its time, is left out. An error of
// write is ignored: the Object Instance may have been deleted, and come back.
func Simulate(ctx context.Context, all []Simulated, write func(model.Path, model.Value) error) {
	if len(all) == 0 {
		<-ctx.Done()
		return
	}
	start := time.Now()
	due := make([]time.Duration, len(all)) // since start
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		elapsed := time.Since(start)
		next := time.Duration(1<<63 - 1)
		for i, s := range all {
			if due[i] <= elapsed {
				at := elapsed - elapsed%s.Every
				_ = write(s.Path, s.Course.At(at))
				due[i] = at + s.Every
			}
			next = min(next, due[i])
		}
		timer.Reset(next - time.Since(start))
	}
}
