package model

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrVersion is wrapped by every error of [ParseVersion].
var ErrVersion = errors.New("invalid version")

// Version is a version of the LwM2M enabler or of an Object, "major.minor".
// Versions are comparable and ordered by [Version.Compare].
type Version struct {
	Major, Minor uint8
}

// The versions of the LwM2M enabler.
var (
	Version10 = Version{1, 0}
	Version11 = Version{1, 1}
	Version12 = Version{1, 2}
)

// ParseVersion reads "1.1". Each part is a decimal number of 0 to 255. Errors
// wrap [ErrVersion].
func ParseVersion(s string) (Version, error) {
	major, minor, ok := strings.Cut(s, ".")
	a, err1 := strconv.ParseUint(major, 10, 8)
	b, err2 := strconv.ParseUint(minor, 10, 8)
	if !ok || err1 != nil || err2 != nil || major[0] == '+' || minor[0] == '+' {
		return Version{}, fmt.Errorf("%w %q: want major.minor, such as 1.1", ErrVersion, s)
	}
	return Version{uint8(a), uint8(b)}, nil
}

// String is "major.minor".
func (v Version) String() string {
	return strconv.Itoa(int(v.Major)) + "." + strconv.Itoa(int(v.Minor))
}

// IsZero reports whether v is the zero Version, which stands for "not given".
func (v Version) IsZero() bool { return v == Version{} }

// Compare returns a negative number, zero or a positive number as v is lower
// than, equal to or higher than w.
func (v Version) Compare(w Version) int {
	if v.Major != w.Major {
		return int(v.Major) - int(w.Major)
	}
	return int(v.Minor) - int(w.Minor)
}
