// Package market prices a patent from what others were paid for, by the market of sale.
//
// How a patent is sold moves the logarithm of its price by 4 to 6, and nothing else comes near, so the [Sale] is part of
// every question and of every deal. The model is one normal linear model of the natural logarithm of the whole price in
// yuan, with one random effect for each label (market, channel, owner, kind of deal, kind of patent), for each event (one
// source page, one session) and for each seller, a bundle exponent and a walk over the years. It is solved once for one
// set of deals ([Solve] gives a [View]); a question then costs microseconds ([View.Price]) and is answered with a mean, a
// variance and the weight of each deal, so that the explanation is the model.
//
// The path of the data:
//
//	Record --Admit--> Deal (or an exclusion code) --Solve(Prior)--> View --Price(Question)--> Figure
//	Deal, Prior --Fit--> Prior and its report;  View --LeaveEventOut--> []Score --Calibrate--> Calibration
//
// A bundle is valued by its members: each patent is one question of its own kind and life, and the sum is the bundle. So
// splitting a bundle changes no total. The exponent (posterior .93, sd .12 on 97 public deals) serves only to read prices
// of bundles that others sold.
//
// Everything is pure: values in, values out. Logarithms are natural, of yuan; times are years.
package market

import "zhijia/internal/calendar"

// Sale is the market of sale. The empty value and "unknown" both say that nobody knows.
type Sale string

// Markets of sale, from the lowest level to the highest but for court, whose level is between private and showcase.
const (
	Distress  Sale = "distress"  // 处置: bulk sale in a bankruptcy or an enforcement
	Private   Sale = "private"   // 私下转让: platform, notice of a university or hospital, disclosure of an issuer
	Court     Sale = "court"     // 裁判: a price told in a judgment
	Showcase  Sale = "showcase"  // 展示: technology auction, exchange, press: the dearest lots, with the owner's support
	Corporate Sale = "corporate" // 企业并购: purchase by a named industrial buyer, told to the public by a listed company
	Unknown   Sale = "unknown"
)

// Sales lists every market a price can be asked for.
var Sales = [...]Sale{Distress, Private, Court, Showcase, Corporate}

// Labels say how, by whom and what was sold. Each has one random effect; a label never seen has the prior's.
type Labels struct {
	Market  Sale   `json:"market"`
	Channel string `json:"channel,omitempty"`     // platform, notice, ipo, auction, auction_top, news, literature, listed, sec, judgment, bankruptcy; "" unknown
	Owner   string `json:"owner_type,omitempty"`  // university, institute, hospital, firm, individual; "" unknown
	Deal    string `json:"deal_kind,omitempty"`   // assignment, exclusive_licence, sole_licence, plain_licence, contribution
	Kind    string `json:"patent_kind,omitempty"` // invention, utility_model, design, application, mixed, achievement; "" unknown
}

// Facts of one patent that move its price beside the labels. Nil is unknown: the reference is assumed and the range widens.
type Facts struct {
	Life      *float64 `json:"remaining_life,omitempty"` // years of protection left
	Family    *float64 `json:"family,omitempty"`         // percentile among patents of its kind, section and years, in (0, 1)
	Claims    *float64 `json:"claims,omitempty"`         // percentile, likewise
	Citations *float64 `json:"citations,omitempty"`      // percentile, likewise
	Score     *float64 `json:"score,omitempty"`          // z: normal score of the indicator sheet; never narrows the range
}

// Deal is one admitted price.
type Deal struct {
	ID string `json:"id"`
	Labels
	Facts
	Event   string        `json:"event,omitempty"`  // same source page or session; "" is an event of its own
	Seller  string        `json:"seller,omitempty"` // canonical name; "" is nobody else's seller
	Log     float64       `json:"log_price"`        // ln yuan of the whole price
	Patents int           `json:"patents"`          // number conveyed, at least 1
	Date    calendar.Date `json:"date"`             // last day of the period the source names; zero: unknown
	Related bool          `json:"related,omitempty"`
	Own     bool          `json:"own,omitempty"` // the institution's own deal, not a public one
}

// Question asks for the price of one patent.
type Question struct {
	Labels
	Facts
	Year int // of the valuation date; 0: the year of no deal
}

// Part is one summand of a figure's logarithm.
type Part struct {
	Key string  `json:"key"` // level, market, channel, owner, deal, kind, year, life, family, claims, citations, score, order
	Log float64 `json:"log"`
}

// Figure is the predictive distribution of ln yuan of one patent, and what made it.
type Figure struct {
	Mean  float64
	SD    float64 // of a price, with what is unknown of the subject
	Known float64 // sd of the level alone, without noise, event and seller
	Parts []Part  // sum to Mean; each holds the prior's part and what the deals did to it
}
