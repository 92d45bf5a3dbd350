package onefold
