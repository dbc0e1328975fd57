;;; In place of examples/guix/sysimage.scm: the same system as Guix alone makes it for a container.
(define-module (sysimage)
  #:use-module (gnu system linux-container)
  #:export (container-system))

(define (container-system os)
  (containerized-operating-system os '() #:shared-network? #t))
