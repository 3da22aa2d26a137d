package server

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// layout says where the Object Instances of a configuration go: to those that are asked for, else to the lowest that
// are free.
type layout struct {
	taken   map[model.Path]bool
	account *model.Path // of the Bootstrap-Server, nil if it is not known
}

// layoutOf reads which Object Instances a Client has from the answer to a Bootstrap-Discover (Core 1.1.1 §6.1.7.2):
// of the Instances of the Security Object, the one without a Short Server ID is the account of the Bootstrap-Server.
func layoutOf(links []Link) layout {
	l := layout{taken: make(map[model.Path]bool)}
	for _, link := range links {
		if link.Path.Depth() != 2 {
			continue
		}
		l.taken[link.Path] = true
		if _, isServer := link.Get("ssid"); link.Path.Object() == 0 && !isServer && l.account == nil {
			l.account = &link.Path
		}
	}
	return l
}

// layoutKeeping is the layout for a Bootstrap-Pack, where only the account of the Bootstrap-Server stays.
func layoutKeeping(account []model.Path) layout {
	var links []Link
	for _, path := range account {
		links = append(links, Link{Path: path})
	}
	if account == nil {
		// It does not tell where the account is. These are the usual places, so they stay free.
		links = []Link{{Path: model.PathOf(0, 0)}, {Path: model.PathOf(0, 1)}}
		l := layoutOf(links)
		l.account = nil
		return l
	}
	return layoutOf(links)
}

// reserve takes the Object Instance that is asked for.
func (l *layout) reserve(object uint16, wanted *uint16) {
	if wanted != nil {
		l.taken[model.PathOf(object, *wanted)] = true
	}
}

// place gives the Object Instance that is asked for, else the lowest free one.
func (l *layout) place(object uint16, wanted *uint16) model.Path {
	if wanted != nil {
		return model.PathOf(object, *wanted)
	}
	id := uint16(0)
	for l.taken[model.PathOf(object, id)] && id < model.MaxID-1 {
		id++
	}
	path := model.PathOf(object, id)
	l.taken[path] = true
	return path
}

// needsLayout reports whether something goes to an Object Instance that depends on what the Client has.
func (c *BootstrapConfig) needsLayout() bool {
	cleared := func(object uint16) bool {
		return slices.ContainsFunc(c.deletes(), func(p model.Path) bool { return p.Contains(model.PathOf(object)) })
	}
	for i := range c.Servers {
		a := &c.Servers[i]
		if a.SecurityInstance == nil || a.ServerInstance == nil && !cleared(1) {
			return true
		}
	}
	return c.BootstrapServer != nil && c.BootstrapServer.Instance == nil || len(c.AccessControls) > 0 && !cleared(2)
}

// writes are the Bootstrap-Writes of the configuration: each for one Object Instance, in the order of their paths,
// and then the further ones.
func (c *BootstrapConfig) writes(l layout) []BootstrapWrite {
	for i := range c.Servers {
		l.reserve(0, c.Servers[i].SecurityInstance)
		l.reserve(1, c.Servers[i].ServerInstance)
	}
	var all []BootstrapWrite
	add := func(path model.Path, r resources) {
		all = append(all, BootstrapWrite{Path: path, Nodes: r.at(path)})
	}
	if b := c.BootstrapServer; b != nil {
		path := model.Path{}
		if b.Instance == nil && l.account != nil {
			path = *l.account
		} else {
			l.reserve(0, b.Instance)
			path = l.place(0, b.Instance)
		}
		add(path, b.securityObject())
	}
	for i := range c.Servers {
		a := &c.Servers[i]
		ssid := a.shortServerID(i)
		add(l.place(0, a.SecurityInstance), a.securityObject(ssid))
		add(l.place(1, a.ServerInstance), a.serverObject(ssid))
	}
	for i := range c.AccessControls {
		add(l.place(2, nil), c.AccessControls[i].object())
	}
	slices.SortFunc(all, func(a, b BootstrapWrite) int { return a.Path.Compare(b.Path) })
	if c.WholeObjects {
		all = joined(all)
	}
	return append(all, c.Writes...)
}

// joined has one write for each Object.
func joined(writes []BootstrapWrite) []BootstrapWrite {
	var all []BootstrapWrite
	for _, w := range writes {
		object := w.Path.Prefix(1)
		if n := len(all); n > 0 && all[n-1].Path == object {
			all[n-1].Nodes = append(all[n-1].Nodes, w.Nodes...)
			continue
		}
		all = append(all, BootstrapWrite{Path: object, Nodes: w.Nodes})
	}
	return all
}
