package store

// PatentQuery is the statement of [DB.Patent], for the test of its plan.
const PatentQuery = patentQuery

// DueLoansQuery is the statement of [DB.DueLoans], for the test of its plan.
const DueLoansQuery = dueLoans
