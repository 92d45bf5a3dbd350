package lab

var (
	Dispatch  = dispatch
	BucketFor = bucketFor
	Processor = processor
	ReadUsage = readUsage
)

func Median(values []int64) int64 { return median(values) }

func (u usage) Objects() uint64 { return u.objects }
