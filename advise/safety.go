package advise

import (
	"errors"
	"fmt"
)

// An Answer is one to a question that a trace cannot answer. Unknown counts as
// No for the verdict.
type Answer uint8

// The answers.
const (
	Unknown Answer = iota
	Yes
	No
)

var answers = [...]string{"unknown", "yes", "no"}

func (a Answer) String() string {
	if int(a) < len(answers) {
		return answers[a]
	}
	return fmt.Sprintf("Answer(%d)", uint8(a))
}

// MarshalText gives "unknown", "yes" or "no".
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText gives; nothing is unknown.
func (a *Answer) UnmarshalText(text []byte) error {
	switch string(text) {
	case "yes":
		*a = Yes
	case "no":
		*a = No
	case "unknown", "":
		*a = Unknown
	default:
		return fmt.Errorf("advise: answer %q, want yes, no or unknown", text)
	}
	return nil
}

// A Reply is an answer and the line that justifies it in the report.
type Reply struct {
	Answer  Answer `json:"answer"`
	Because string `json:"because,omitempty"`
}

// Safety is what makes it safe that callers share a load. Each field is the
// reply to one of [Questions].
type Safety struct {
	Idempotent       Reply `json:"idempotent"`
	SameForAll       Reply `json:"same_for_all"`
	AuthorizedBefore Reply `json:"authorized_before"`
	OlderThanWrite   Reply `json:"older_than_write"`
	OutlivesCaller   Reply `json:"outlives_caller"`
	ErrorsShared     Reply `json:"errors_shared"`
	ReadOnly         Reply `json:"read_only"`
}

// A Question is one that somebody who knows the service has to answer.
type Question struct {
	ID   string `json:"id"`   // the field of Safety, as it is spelt in JSON
	Text string `json:"text"` // yes is the safe answer
	IfNo string `json:"if_no"`
}

// Questions are what a trace cannot answer, in the order in which to ask. That
// of the age which is allowed is [Config].TTL.
func Questions() []Question {
	return []Question{
		{
			"idempotent", "Is the load free of effects that belong to its caller, such as audit, quota or billing?",
			"each caller must have its own load; record the effect outside of the load, and ask again",
		},
		{
			"same_for_all", "Is the answer the same for every caller of a key, that is, are tenant, locale, experiment and permissions in the key?",
			"put into the key what the answer depends on, such as the tenant, and ask again",
		},
		{
			"authorized_before", "Is each caller authorized before the load, and not in it?",
			"authorize each caller before it joins: whoever joins a load passes by a check in it",
		},
		{
			"older_than_write", "May a caller be given a result whose load began before the caller's own write?",
			"read with Read.NotBefore or Call.NotBefore after a write, or write through Cache.Write; then the answer is yes for the rest",
		},
		{
			"outlives_caller", "May a load go on when its first caller has left?",
			"OnAbandon: CancelLoad ends a load that nobody waits for; a load that only its caller may keep running cannot be shared",
		},
		{
			"errors_shared", "May one load's error be given to all its callers?",
			"RetryFailed lets a caller that joined try again for the others; with that the answer may be yes",
		},
		{
			"read_only", "Do callers only read the value that they share?",
			"set Clone, which gives each caller its own copy; with that the answer is yes",
		},
	}
}

// Reply gives the reply to a question by its ID.
func (s *Safety) Reply(id string) *Reply {
	switch id {
	case "idempotent":
		return &s.Idempotent
	case "same_for_all":
		return &s.SameForAll
	case "authorized_before":
		return &s.AuthorizedBefore
	case "older_than_write":
		return &s.OlderThanWrite
	case "outlives_caller":
		return &s.OutlivesCaller
	case "errors_shared":
		return &s.ErrorsShared
	case "read_only":
		return &s.ReadOnly
	}
	return nil
}

// AllSafe answers every question with yes.
func AllSafe(because string) Safety {
	r := Reply{Yes, because}
	return Safety{r, r, r, r, r, r, r}
}

func (s Safety) validate() error {
	var faults []error
	for _, q := range Questions() {
		if r := s.Reply(q.ID); r.Answer > No {
			faults = append(faults, fmt.Errorf("advise: Config.Safety.%s is %v, want Unknown, Yes or No", q.ID, r.Answer))
		}
	}
	return errors.Join(faults...)
}
