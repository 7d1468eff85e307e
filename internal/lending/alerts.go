package lending

// AlertKind is what an alert about a booked loan says.
type AlertKind string

const (
	AlertDrop   AlertKind = "drop"   // the collateral's value fell
	AlertEnded  AlertKind = "ended"  // a right ended
	AlertBreach AlertKind = "breach" // the balance is above what the collateral bears
	AlertCover  AlertKind = "cover"  // it will be before the loan is due
	AlertExpiry AlertKind = "expiry" // a right expires before the loan is due
	AlertFailed AlertKind = "failed" // a patent could not be valued again
	AlertGround AlertKind = "ground" // a ground on which a pledge is not registered
)

// Zh returns the kind's Chinese name.
func (k AlertKind) Zh() string { return k.names()[0] }

// En returns the kind's English name.
func (k AlertKind) En() string { return k.names()[1] }

func (k AlertKind) names() [2]string {
	switch k {
	case AlertDrop:
		return [2]string{"估值下降", "value fell"}
	case AlertEnded:
		return [2]string{"权利失效", "right ended"}
	case AlertBreach:
		return [2]string{"超过质押率上限", "above the ceiling"}
	case AlertCover:
		return [2]string{"预计将超限", "will be above the ceiling"}
	case AlertExpiry:
		return [2]string{"先于贷款到期", "expires before the loan is due"}
	case AlertFailed:
		return [2]string{"无法重估", "could not be valued again"}
	case AlertGround:
		return [2]string{"法定不予登记的情形", "ground for refusing registration"}
	}
	return [2]string{string(k), string(k)}
}

// Trigger is what had a booked loan looked at.
type Trigger string

const (
	TriggerSchedule Trigger = "schedule"
	TriggerEvent    Trigger = "event"
	TriggerRequest  Trigger = "request"
)

// Zh returns the trigger's Chinese name.
func (t Trigger) Zh() string { return t.names()[0] }

// En returns the trigger's English name.
func (t Trigger) En() string { return t.names()[1] }

func (t Trigger) names() [2]string {
	switch t {
	case TriggerSchedule:
		return [2]string{"定期重估", "scheduled revaluation"}
	case TriggerEvent:
		return [2]string{"法律事件", "legal event"}
	case TriggerRequest:
		return [2]string{"登记或更新", "booking or update"}
	}
	return [2]string{string(t), string(t)}
}
