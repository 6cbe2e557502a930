// SPDX-License-Identifier: MIT
// All of gyre that does not name another API.
#ifndef GYRE_GYRE_H
#define GYRE_GYRE_H

#include <gyre/attention.h>
#include <gyre/attention_merge.h>
#include <gyre/buffer.h>
#include <gyre/common.h>
#include <gyre/device.h>
#include <gyre/linear_attention.h>
#include <gyre/log.h>
#include <gyre/rope.h>
#include <gyre/rope_config.h>
#include <gyre/stream.h>

#endif
