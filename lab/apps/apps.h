/* The kinds of app the driver knows: one table of operations for each protocol object. */
#ifndef IT_LAB_APPS_APPS_H
#define IT_LAB_APPS_APPS_H

#include "lab/driver/lab.h"

extern const it_app_ops it_app_b;    /* it_b: model B */
extern const it_app_ops it_app_e;    /* it_e: model E */
extern const it_app_ops it_app_stun; /* it_stun_server */

#endif
