package history

// Keeper is told what a Ring keeps, in order, so that it can be kept in a more lasting place too. After a
// restart, Append to a new Ring gives back what was Appended and not Released.
type Keeper interface {
	// Appended tells of a sample that was taken in.
	Appended(Sample)
	// Released tells that the n oldest samples are no longer kept: they were
	// acknowledged or dropped.
	Released(n int)
}

// SetKeeper sets who is told of what is taken in and released from now on; nil is nobody.
func (r *Ring) SetKeeper(k Keeper) { r.keeper = k }
