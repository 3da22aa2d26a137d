package oma

import (
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Server is an instance of the Server Object (1), version 1.1: how the client behaves towards one
// LwM2M Server. The client makes one for each account; a
// Server is needed only to have more in it, or callbacks on it. It belongs to the account with the
// same Short Server ID.
type Server struct {
	*lwm2m.Instance

	ShortServerID                   lwm2m.Resource[int64]            // /1/x/0: 1 to 65534; mandatory
	Lifetime                        lwm2m.Resource[int64]            // /1/x/1, in s; writable, mandatory
	DefaultMinimumPeriod            lwm2m.Resource[int64]            // /1/x/2, in s; writable
	DefaultMaximumPeriod            lwm2m.Resource[int64]            // /1/x/3, in s; writable
	Disable                         lwm2m.Executable                 // /1/x/4: the client does it, after the callback
	DisableTimeout                  lwm2m.Resource[int64]            // /1/x/5, in s; writable
	NotificationStoring             lwm2m.Resource[bool]             // /1/x/6: when disabled or offline; writable, mandatory
	Binding                         lwm2m.Resource[string]           // /1/x/7: such as U; writable, mandatory
	RegistrationUpdateTrigger       lwm2m.Executable                 // /1/x/8: the client does it, after the callback
	BootstrapRequestTrigger         lwm2m.Executable                 // /1/x/9
	APNLink                         lwm2m.Resource[lwm2m.ObjectLink] // /1/x/10; writable
	TLSDTLSAlertCode                lwm2m.Resource[uint64]           // /1/x/11: 0 to 255
	LastBootstrapped                lwm2m.Resource[time.Time]        // /1/x/12
	RegistrationPriorityOrder       lwm2m.Resource[uint64]           // /1/x/13
	InitialRegistrationDelayTimer   lwm2m.Resource[uint64]           // /1/x/14, in s
	RegistrationFailureBlock        lwm2m.Resource[bool]             // /1/x/15
	BootstrapOnRegistrationFailure  lwm2m.Resource[bool]             // /1/x/16
	CommunicationRetryCount         lwm2m.Resource[uint64]           // /1/x/17
	CommunicationRetryTimer         lwm2m.Resource[uint64]           // /1/x/18, in s
	CommunicationSequenceDelayTimer lwm2m.Resource[uint64]           // /1/x/19, in s
	CommunicationSequenceRetryCount lwm2m.Resource[uint64]           // /1/x/20
	Trigger                         lwm2m.Resource[bool]             // /1/x/21; writable
	PreferredTransport              lwm2m.Resource[string]           // /1/x/22; writable
	MuteSend                        lwm2m.Resource[bool]             // /1/x/23: true mutes Send; writable
}

// NewServer returns the instance /1/id without values. The client adds those of the account with
// the given Short Server ID.
func NewServer(id, shortServerID uint16) *Server {
	in := lwm2m.NewInstance(definition(1, model.Version{Major: 1, Minor: 1}), id)
	s := &Server{
		Instance:                        in,
		ShortServerID:                   lwm2m.ResourceOf[int64](in, 0),
		Lifetime:                        lwm2m.ResourceOf[int64](in, 1),
		DefaultMinimumPeriod:            lwm2m.ResourceOf[int64](in, 2),
		DefaultMaximumPeriod:            lwm2m.ResourceOf[int64](in, 3),
		Disable:                         lwm2m.ExecutableOf(in, 4),
		DisableTimeout:                  lwm2m.ResourceOf[int64](in, 5),
		NotificationStoring:             lwm2m.ResourceOf[bool](in, 6),
		Binding:                         lwm2m.ResourceOf[string](in, 7),
		RegistrationUpdateTrigger:       lwm2m.ExecutableOf(in, 8),
		BootstrapRequestTrigger:         lwm2m.ExecutableOf(in, 9),
		APNLink:                         lwm2m.ResourceOf[lwm2m.ObjectLink](in, 10),
		TLSDTLSAlertCode:                lwm2m.ResourceOf[uint64](in, 11),
		LastBootstrapped:                lwm2m.ResourceOf[time.Time](in, 12),
		RegistrationPriorityOrder:       lwm2m.ResourceOf[uint64](in, 13),
		InitialRegistrationDelayTimer:   lwm2m.ResourceOf[uint64](in, 14),
		RegistrationFailureBlock:        lwm2m.ResourceOf[bool](in, 15),
		BootstrapOnRegistrationFailure:  lwm2m.ResourceOf[bool](in, 16),
		CommunicationRetryCount:         lwm2m.ResourceOf[uint64](in, 17),
		CommunicationRetryTimer:         lwm2m.ResourceOf[uint64](in, 18),
		CommunicationSequenceDelayTimer: lwm2m.ResourceOf[uint64](in, 19),
		CommunicationSequenceRetryCount: lwm2m.ResourceOf[uint64](in, 20),
		Trigger:                         lwm2m.ResourceOf[bool](in, 21),
		PreferredTransport:              lwm2m.ResourceOf[string](in, 22),
		MuteSend:                        lwm2m.ResourceOf[bool](in, 23),
	}
	_ = s.ShortServerID.Set(int64(shortServerID)) // the client says what is wrong with it
	return s
}
