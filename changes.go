package lwm2m

// changeSet is what has changed since the loop looked last: each path once,
// however often it changed, so that a burst of changes takes no memory.
type changeSet struct {
	paths []Path
	known map[Path]struct{} // the same paths, once there are many
}

// manyChanges is how many paths are still searched one by one.
const manyChanges = 16

func (s *changeSet) add(p Path) {
	if s.known == nil {
		for _, q := range s.paths {
			if p == q {
				return
			}
		}
		s.paths = append(s.paths, p)
		if len(s.paths) > manyChanges {
			s.known = make(map[Path]struct{}, 2*len(s.paths))
			for _, q := range s.paths {
				s.known[q] = struct{}{}
			}
		}
		return
	}
	if _, ok := s.known[p]; !ok {
		s.known[p] = struct{}{}
		s.paths = append(s.paths, p)
	}
}

// take empties the set. The paths are given back to it by keep.
func (s *changeSet) take() []Path {
	paths := s.paths
	s.paths, s.known = nil, nil
	return paths
}

// keep gives the set the room of paths that were taken out, unless it is large
// or the set has some again.
func (s *changeSet) keep(paths []Path) {
	if s.paths == nil && cap(paths) > 0 && cap(paths) <= 2*manyChanges {
		s.paths = paths[:0]
	}
}
