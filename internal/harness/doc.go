// Package harness measures how wrong the product is and whether a change
// helped.
//
// A [Task] is declared in eval/tasks/*.yaml: what is measured, on which data,
// split how, with which metrics, clusters and gates. [Service.Run] answers its
// cases one by one, stores what came of each, and sums up; an interrupted run is
// resumed from what is stored. [Service.Start] leaves a run to a worker. [Compare] pairs two runs
// case by case; [Service.Gate] holds the small tasks against thresholds and
// against the committed baseline. [WriteHTML] and [WriteMarkdown] print a run
// for people.
//
// Every price task runs naive baselines on exactly what the product saw, and
// no task sees a deal dated on or after the day it values.
package harness
