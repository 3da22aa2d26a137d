//go:build linux && !race

package bench

import (
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/coap"
)

// A Read of one Resource is answered with two allocations: the operation and the options of the answer.
func TestReadAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for a second")
	}
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		exchange(b, startClient(b), coap.Content)
	})
	if r.N == 0 {
		t.Fatal("the benchmark failed")
	}
	if n := r.AllocsPerOp(); n > 2 {
		t.Errorf("a Read takes %d allocations, more than 2", n)
	}
}
