package store

// PatentQuery is the statement of [DB.Patent], for the test of its plan.
const PatentQuery = patentQuery
