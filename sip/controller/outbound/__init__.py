"""Going out: hops that failed, trunks that are watched. A URI is reached by ``sip.controller.sending``."""
