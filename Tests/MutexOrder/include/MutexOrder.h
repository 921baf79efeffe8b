#pragma once

// Nothing to call: being linked is enough. See MutexOrder.c.
