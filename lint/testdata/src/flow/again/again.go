package again

func forever(k string) { forever(k) } // want "same"

func up(k string) {
	if k != "" {
		up(k[1:])
	}
}

func renamed(k string, n int) {
	same := k
	if n > 0 {
		renamed(same, n-1) // want "same"
	}
}
