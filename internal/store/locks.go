package store

// Advisory locks of the schema. The numbers are this program's own; SQL that
// takes one says which.
const (
	LockTemplate = 7241000 // storetest: preparing the template database
	lockExtend   = 7241001 // creating the extension
	lockQueue    = 7241002 // migrating the job queue
	LockClone    = 7241003 // storetest: cloning the template
	lockAudit    = 7241010 // classid; objid: hash of the institution whose entries audit_append puts in order
	lockTies     = 7241011 // the order of the ties of the audit
	lockOffers   = 7241020 // offers of patents: whoever comes second sees the first
	lockSchemes  = 7241021 // classid; objid: hash of an institution whose firm uses a scheme
	lockFinish   = 7241030 // classid; objid: hash of an institution that decides a batch under programmes
	lockBook     = 7241040 // a loan being booked, against events coming in; taken shared by book_mark
	lockAlerts   = 7241052 // who changes alerts; seq is in the order of the commits
)
