package tree

import (
	"fmt"
	"strings"

	"github.com/lwm2m-go/lwm2m/model"
)

// unauthorized is the refusal for want of a right.
func (t *Tree) unauthorized(c Caller, p model.Path, r model.Rights) error {
	return fail(model.Unauthorized, p, fmt.Sprintf("the right %v is missing: %s", r, t.Access(c, p).why()))
}

// why says by which rule the server has its rights.
func (a Access) why() string {
	switch a.Grounds {
	case ByBootstrap:
		return "the Bootstrap-Server has all rights"
	case ByProtection:
		return "the Object holds credentials, and is closed to servers"
	case BySingleServer:
		return "there is only one server, so access is not controlled"
	case ByAbsence:
		return "there is no Access Control Object, so access is not controlled"
	case ByManagement:
		return fmt.Sprintf("only its owner, %s, manages %v; whom it gives R may read it", ownerText(a.Owner), a.Entry)
	case ByNoEntry:
		if a.Path.Depth() == 1 {
			return fmt.Sprintf("no instance of Object 2 is for creating instances of %v", a.Path)
		}
		return fmt.Sprintf("no instance of Object 2 is for %v", a.Path)
	case ByOwnACL:
		return fmt.Sprintf("%v gives server %d %v", a.acl(a.Server), a.Server, rightsText(a.given))
	case ByOwnership:
		return fmt.Sprintf("%v has server %d as owner, without an ACL of its own", a.Entry, a.Server)
	case ByDefaultACL:
		return fmt.Sprintf("%v gives servers without an ACL of their own %v", a.acl(0), rightsText(a.given))
	}
	if a.Path.Depth() == 1 {
		return fmt.Sprintf("%v has no ACL for server %d, and Create needs one", a.Entry, a.Server)
	}
	return fmt.Sprintf("%v has no ACL for server %d, and no default", a.Entry, a.Server)
}

// acl is the path of the ACL of a server.
func (a Access) acl(server uint16) model.Path { return a.Entry.Child(accessList).Child(server) }

func rightsText(r model.Rights) string {
	if r == 0 {
		return "no rights"
	}
	return "the rights " + r.String()
}

func ownerText(owner uint16) string {
	if owner == model.MaxID {
		return "the Bootstrap-Server"
	}
	return fmt.Sprintf("server %d", owner)
}

// String tells in some lines what the server may do, by which rule, and how it could do more. The last line has no
// end of line.
func (a Access) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "server %d has %v at %v", a.Server, rightsText(a.Rights), a.Path)
	fmt.Fprintf(&b, "\n  %s", a.why())
	if s := a.remedy(); s != "" {
		fmt.Fprintf(&b, "\n  to give it more, %s", s)
	}
	return b.String()
}

// remedy says how the server could get the rights that it lacks; "" if it lacks none or cannot.
func (a Access) remedy() string {
	switch a.Grounds {
	case ByNoEntry:
		p := a.Path
		instance := uint16(anyInstance)
		if p.Depth() == 2 {
			instance = p.Instance()
		}
		return fmt.Sprintf("the Bootstrap-Server or the application adds an instance of Object 2 with"+
			" 2/x/0=%d, 2/x/1=%d and the rights as 2/x/2/%d", p.Object(), instance, a.Server)
	case ByOwnACL, ByDefaultACL, ByNoACL:
		if a.Rights == model.RightCreate || a.Rights == instanceRights {
			return ""
		}
		who := "the Bootstrap-Server or the application"
		if a.Owner != model.MaxID {
			who = fmt.Sprintf("the owner, server %d, ", a.Owner) + who
		}
		return fmt.Sprintf("%s sets %v", who, a.acl(a.Server))
	}
	return ""
}
