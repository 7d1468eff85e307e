package deskfile

import (
	"slices"
	"strings"

	"zhijia/internal/patent"
	"zhijia/internal/sheet"
)

// readContract reads a cell on what the pledge contract states of the five
// things of article 8 (see [patent.ContractFields]): those it states, nil when
// the cell does not tell. A contract that is not signed yet tells nothing, and
// so do its number and date alone; a list that is not whole does not say that
// the rest is lacking.
func readContract(text string) (states []string, unread bool) {
	text = strings.TrimSpace(datePart.ReplaceAllString(sheet.Narrow(text), " "))
	if text == "" || isEmpty(text) {
		return nil, false
	}
	if isPointer(text) {
		return nil, true
	}
	var words []token
	for _, t := range vocabularies["contract"].tokens(text) {
		if !slices.Contains([]string{"fill", "filler", "yes", "all", "reference", "body", " ", ":", ",", "、", ";", "/", "|", "+", "&"}, t.class) {
			words = append(words, t)
		}
	}
	whole, lacks, unsigned := count(words, "whole"), count(words, "lack"), count(words, "unsigned")
	if count(words, append([]string{"whole", "lack", "unsigned", "has"}, patent.ContractFields...)...) != len(words) {
		return nil, true
	}
	named, lacking, behind := map[string]bool{}, map[string]bool{}, false
	for _, t := range words {
		switch {
		case t.class == "lack":
			behind = true
		case t.class == "has":
			behind = false
		case slices.Contains(patent.ContractFields, t.class) && behind:
			lacking[t.class] = true
		case slices.Contains(patent.ContractFields, t.class):
			named[t.class] = true
		}
	}
	for _, f := range patent.ContractFields {
		switch {
		case named[f] && lacking[f]:
			return nil, true
		case !lacking[f]:
			states = append(states, f)
		}
	}
	switch {
	case len(words) == 0, unsigned > 0 && unsigned == len(words):
		return nil, false
	case unsigned > 0, whole > 0 && lacks > 0, lacks > 0 && len(lacking) == 0, len(states) == 0:
		return nil, true
	case lacks > 0, whole > 0, len(named) == len(patent.ContractFields):
		return states, false
	}
	return nil, true
}
