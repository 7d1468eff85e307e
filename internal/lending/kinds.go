package lending

import "zhijia/internal/patent"

// Trademark is the key of registered trademarks in a policy's ceilings and in a
// row's kind: collateral that is no patent, decided by rules of its own. A policy
// that does not list it lends nothing against marks; there is no default.
const Trademark patent.Kind = "trademark"

// marksSource is the law that the grounds of marks rest on.
const marksSource = "商标法（2019）；民法典第四百四十四条"
