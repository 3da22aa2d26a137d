package lwm2m

import (
	"fmt"
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/history"
	"github.com/lwm2m-go/lwm2m/internal/state"
)

// historyKeeper is a Client that has its histories saved.
type historyKeeper Client

// Appended notes that there is a new sample. It is called with the client's mu held.
func (k *historyKeeper) Appended(history.Sample) { (*Client)(k).note(historyPart) }

// Released notes that samples are not kept any more. It is called with the client's mu held.
func (k *historyKeeper) Released(int) { (*Client)(k).note(historyPart) }

// restoreHistories reads the samples that were saved, for the Resources that keep a history now or will do so later.
func (p *persistence) restoreHistories() error {
	data, err := p.load(p.historyKey())
	if err != nil || data == nil {
		return err
	}
	saved, err := state.DecodeHistory(data)
	if err != nil {
		return fmt.Errorf("lwm2m: Config.Store: %w", err)
	}
	p.samples = make(map[Path][]history.Sample)
	for _, n := range saved.Nodes {
		p.samples[n.Path] = append(p.samples[n.Path], history.Sample{Time: n.Time, Value: n.Value})
	}
	for _, in := range p.client.instances {
		p.claimHistories(in)
	}
	return nil
}

// claimHistories gives an instance of the client the samples that were saved of it, ahead of those that it has. It is called
// with the client's mu held; p may be nil.
func (p *persistence) claimHistories(in *Instance) {
	if p == nil {
		return
	}
	for at, samples := range p.samples {
		k := in.keeping(at.Resource())
		if !in.Path().Contains(at) || k == nil {
			continue
		}
		delete(p.samples, at)
		s := k.ensure(at)
		samples = withOwn(samples, s.ring)
		s.ring = history.New(k.limit, k.dropNewest)
		for _, sample := range samples {
			s.ring.Append(sample)
		}
	}
	in.setKeeper((*historyKeeper)(p.client))
}

// withOwn are saved samples and those that the Resource has. It has them all if another client of this process kept them;
// what is saved lost the fractions of microseconds.
func withOwn(saved []history.Sample, own *history.Ring) []history.Sample {
	known := map[int64][]Value{}
	for i := range own.Len() {
		at := own.At(i).Time.UnixMicro()
		known[at] = append(known[at], own.At(i).Value)
	}
	all := slices.DeleteFunc(saved, func(s history.Sample) bool {
		return slices.ContainsFunc(known[s.Time.UnixMicro()], s.Value.Equal)
	})
	for i := range own.Len() {
		all = append(all, own.At(i))
	}
	return all
}

// setKeeper says who is told of changes of the instance's histories. It is called with the lock held.
func (in *Instance) setKeeper(k history.Keeper) {
	all := in.histories.Load()
	if all == nil {
		return
	}
	for _, keeping := range *all {
		for _, s := range keeping.series {
			s.ring.SetKeeper(k)
		}
	}
}

// encodeHistory writes all samples; nil if there are none. It is called with the client's mu held.
func (p *persistence) encodeHistory() []byte {
	var h state.History
	for _, in := range p.client.instances {
		all := in.histories.Load()
		if all == nil {
			continue
		}
		for _, k := range *all {
			for _, s := range k.series {
				for i := range s.ring.Len() {
					sample := s.ring.At(i)
					h.Nodes = append(h.Nodes, format.Node{Path: s.path, Time: sample.Time, Value: sample.Value})
				}
			}
		}
	}
	for at, samples := range p.samples { // of Resources that are not there yet
		for _, sample := range samples {
			h.Nodes = append(h.Nodes, format.Node{Path: at, Time: sample.Time, Value: sample.Value})
		}
	}
	if h.Nodes == nil {
		return nil
	}
	return h.Encode()
}
