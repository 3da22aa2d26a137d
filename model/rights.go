package model

// Rights are what a server may do with an Object Instance: a value of Resource 2/x/2, ACL, of the Access
// Control Object (Core 1.1.1 §8.1.2 and Appendix E.3). Any combination is possible; bits beyond these have no meaning.
type Rights uint8

// The access rights.
const (
	RightRead    Rights = 1 << iota // R: Read, Observe, Write-Attributes, and being notified
	RightWrite                      // W
	RightExecute                    // E
	RightDelete                     // D
	RightCreate                     // C: Create, of instances of an Object

	AllRights = RightRead | RightWrite | RightExecute | RightDelete | RightCreate
)

// Has reports whether all rights of s are among r.
func (r Rights) Has(s Rights) bool { return r&s == s }

// String is the letters of the rights, such as "RWE"; "none" if there are none.
func (r Rights) String() string {
	var s []byte
	for i, letter := range []byte("RWEDC") {
		if r.Has(1 << i) {
			s = append(s, letter)
		}
	}
	if len(s) == 0 {
		return "none"
	}
	return string(s)
}
