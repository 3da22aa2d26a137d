package tree

import (
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// ReadComposite appends what is at the paths to dst, sorted, each value once
// (Core 1.1.1 §6.3.8). The root stands for all Objects but those with
// credentials. Paths where nothing is or nothing can be read are omitted; if for
// want of rights nothing is left, the answer is 4.01. See [Tree.Read].
func (t *Tree) ReadComposite(dst []format.Node, c Caller, paths []model.Path) (nodes []format.Node, calls []ReadCall, err error) {
	return nil, nil, nil
}

// WriteComposite plans a Write-Composite (Core 1.1.1 §6.3.9): values for
// Resources and Resource Instances anywhere, all or nothing. It may create
// Resource Instances, but never Object Instances (4.04).
func (t *Tree) WriteComposite(c Caller, nodes []format.Node) (*Transaction, error) { return nil, nil }
