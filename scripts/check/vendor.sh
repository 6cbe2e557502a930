#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# No kernel spills where the planner would choose it.
exec "$(dirname "$0")/../vendor-report.sh"
