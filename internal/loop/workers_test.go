package loop

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWorkersReportHowATaskEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Workers
		for _, test := range []struct {
			name string
			run  func() error
			want error
		}{
			{"fine", func() error { return nil }, nil},
			{"error", func() error { return io.EOF }, io.EOF},
			{"panic with an error", func() error { panic(io.ErrNoProgress) }, io.ErrNoProgress},
			{"exit", func() error { runtime.Goexit(); return nil }, ErrExited},
		} {
			got := errors.New("done was not called")
			if err := w.Go(nil, test.run, func(err error) { got = err }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if !errors.Is(got, test.want) {
				t.Errorf("%s: %v, want %v", test.name, got, test.want)
			}
		}
		var got error
		w.Go(nil, func() error { panic("no such sensor") }, func(err error) { got = err })
		synctest.Wait()
		var p *PanicError
		if !errors.As(got, &p) || p.Value != "no such sensor" || !strings.Contains(string(p.Stack), "workers_test.go") {
			t.Errorf("panic reported as %v", got)
		}
		if got.Error() != "callback panicked: no such sensor" {
			t.Errorf("message %q", got)
		}
	})
}

func TestWorkersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := Workers{Max: 2, MaxWaiting: 3}
		running, most, ended := make(chan struct{}, 10), 0, 0
		task := func() error {
			running <- struct{}{}
			<-time.After(time.Second)
			<-running
			return nil
		}
		done := make(chan error, 10)
		for range 5 {
			if err := w.Go(nil, task, func(err error) { done <- err }); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Go(nil, task, nil); !errors.Is(err, ErrBusy) {
			t.Errorf("the sixth task: %v, want ErrBusy", err)
		}
		begin := time.Now()
		for range 5 {
			synctest.Wait()
			most = max(most, len(running))
			if <-done == nil {
				ended++
			}
		}
		if took := time.Since(begin); took != 3*time.Second || most != 2 || ended != 5 {
			t.Errorf("%d tasks in %v, %d at once; want 5 in 3s, 2 at once", ended, took, most)
		}
		synctest.Wait()
		if w.running != 0 || w.waiting != nil {
			t.Errorf("%d workers stay", w.running)
		}
	})
}

func TestLaneKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Workers
		var a, b Lane
		other, ended := 0, make(chan int, 100)
		for i := range 100 {
			err := w.Go(&a, func() error {
				<-time.After(time.Duration(100-i) * time.Millisecond)
				switch i % 10 {
				case 3:
					panic("must not hold up the lane")
				case 4:
					runtime.Goexit()
				}
				return nil
			}, func(error) { ended <- i })
			if err != nil {
				t.Fatal(err)
			}
		}
		w.Go(&b, func() error { other++; return nil }, func(error) {})
		synctest.Wait()
		if other != 1 || len(ended) != 0 {
			t.Errorf("lane b waits for lane a")
		}
		pass(10 * time.Second)
		close(ended)
		var order []int
		for i := range ended {
			order = append(order, i)
		}
		if len(order) != 100 || !slices.IsSorted(order) {
			t.Errorf("order %v", order)
		}
		if a.busy || a.waiting != nil || w.laned != 0 || w.running != 0 {
			t.Errorf("left over: lane %+v, %d counted, %d running", a, w.laned, w.running)
		}
	})
}

func TestLaneCountsTowardsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := Workers{Max: 1, MaxWaiting: 2}
		var lane Lane
		sleep := func() error { <-time.After(time.Second); return nil }
		nothing := func(error) {}
		for range 3 {
			if err := w.Go(&lane, sleep, nothing); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Go(&lane, sleep, nothing); !errors.Is(err, ErrBusy) {
			t.Errorf("in the lane: %v, want ErrBusy", err)
		}
		if err := w.Go(nil, sleep, nothing); !errors.Is(err, ErrBusy) {
			t.Errorf("outside: %v, want ErrBusy", err)
		}
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseWaitsForTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := Workers{Max: 1}
		var ended atomic.Int32
		for range 3 {
			w.Go(nil, func() error { <-time.After(10 * time.Second); return nil }, func(error) { ended.Add(1) })
		}
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || ended.Load() != 1 {
			t.Errorf("Close after 15s: %v with %d ended, want 1", err, ended.Load())
		}
		if err := w.Go(nil, func() error { return nil }, nil); !errors.Is(err, ErrStopped) {
			t.Errorf("Go after Close: %v", err)
		}
		if err := w.Close(context.Background()); err != nil || ended.Load() != 3 {
			t.Errorf("Close: %v with %d ended, want 3", err, ended.Load())
		}
		if err := w.Close(context.Background()); err != nil {
			t.Errorf("third Close: %v", err)
		}
	})
}
