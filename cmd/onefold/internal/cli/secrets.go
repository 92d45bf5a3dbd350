package cli

import (
	"net/url"
	"regexp"
	"strings"
)

const hidden = "xxxxx"

var (
	secretName = regexp.MustCompile(`(?i)pass|secret|token|key|auth|sig|cred`)

	// What url.Parse refuses may still hold a password before its last @.
	userInfo = regexp.MustCompile(`://.*@`)
	password = regexp.MustCompile(`:[^:@/]*@`)
)

// withoutSecrets is a command line fit to be printed and kept: passwords in
// URLs, and parameters whose name says that they are secret, are blanked.
func withoutSecrets(args []string) []string {
	clean := make([]string, len(args))
	for i, arg := range args {
		flag, text := "", arg
		if strings.HasPrefix(arg, "-") {
			if name, value, ok := strings.Cut(arg, "="); ok {
				flag, text = name+"=", value
			}
		}
		clean[i] = flag + blankURL(text)
	}
	return clean
}

func blankURL(text string) string {
	if !strings.Contains(text, "://") {
		return password.ReplaceAllString(text, ":"+hidden+"@") // a URL that was misspelt
	}
	u, err := url.Parse(text)
	if err != nil {
		return userInfo.ReplaceAllString(text, "://"+hidden+"@")
	}
	blanked := false
	if u.User != nil {
		if _, ok := u.User.Password(); ok {
			u.User, blanked = url.UserPassword(u.User.Username(), hidden), true
		} else if u.Scheme == "http" || u.Scheme == "https" {
			u.User, blanked = url.User(hidden), true // a bare token is often put there
		}
	}
	query := u.Query()
	for name, values := range query {
		if secretName.MatchString(name) {
			for i := range values {
				if !strings.Contains(values[i], "{") { // {key} is where the key goes
					values[i], blanked = hidden, true
				}
			}
		}
	}
	if !blanked {
		return text // byte for byte
	}
	u.RawQuery = query.Encode()
	return u.String()
}
