"""Cases: alerts that belong together, and what people do about them.

For who builds on them:

- What is done to a case is a fact: `normalizer.events.CaseActivity`, one message of the stream
  CASES, subject ``cases.<case id>``. Nothing there is ever changed or taken away.
- A case is `state.fold(activities)`: a pure function. `state.Case` has the alerts (by id, with
  their rule), rules, comments, evidence, assignee, proposal and resolution; `case.conflicted(user)`
  says whether somebody wrote or last changed one of its rules.
- `store.CaseStore` reads and writes them on a bus: ``await (await CaseStore.open(bus)).load(id)``,
  ``.history(id)`` for the activities, ``.all()`` for every case. Writing names the message that it
  comes behind; who was slower gets `store.CaseChanged` and must look again.
- In sinks an activity is a document of the data stream ``logs-tapewatch.cases-<namespace>``
  (folder ``cases/`` of the file sink), ``event.action: case-activity``. The newest of each case has
  ``surveillance.case.latest: true``, where the sink can mark; elsewhere it is the one with the
  highest ``event.sequence``. Open cases:
  ``surveillance.case.latest: true and not surveillance.case.status: (closed or suppressed)``.
- To find a case's alerts: ``state.Case.alerts``; of a sink, ``surveillance.case.alert_ids`` of its
  activities `opened` and `alerts-joined`.
"""
