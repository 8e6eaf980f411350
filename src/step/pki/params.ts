/** PEM files on the control machine: absolute paths. Private keys are written 0600, their directories 0700. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Subject {
  readonly commonName: string;
  /** `O=`; Kubernetes reads them as groups. */
  readonly organizations?: readonly string[];
}

export interface GenerateCaCert {
  readonly files: CertificateFiles;
  readonly subject: Subject;
  /** Default 3650 (10 years). */
  readonly validDays?: number;
}

export interface GenerateSignedCert {
  readonly files: CertificateFiles;
  readonly ca: CertificateFiles;
  readonly subject: Subject;
  readonly usages: readonly ('server' | 'client')[];
  readonly sans?: { readonly dns?: readonly string[]; readonly ips?: readonly string[] };
  /** Default 365. Never beyond the CA's own end. */
  readonly validDays?: number;
  /** A certificate with no more days left than this is made anew. Default 30. */
  readonly renewBeforeDays?: number;
}

/** A certificate whose CA's key is not here: kubexm makes its key and the request, and somebody else signs. */
export interface SignedElsewhere extends Pick<GenerateSignedCert, 'files' | 'subject' | 'usages' | 'sans'> {
  /** Whose it is, and what it is called there: `m1`, `scheduler.conf`. */
  readonly host: string;
  readonly name: string;
  /** The CA's certificate in the work directory, and the user's file that it is taken from. */
  readonly ca: string;
  readonly source: string;
}

/** The service-account key pair: RSA 2048. */
export interface GenerateKeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
  /** It is the rotation of this pair that asks. Default false: then one that is half done is an error. */
  readonly rotating?: boolean;
}

/** A kubeadm bootstrap token in a 0600 file; read it as the secret `file:PATH`. */
export interface GenerateToken {
  readonly path: string;
  /** bootstrap-token (default): `[a-z0-9]{6}.[a-z0-9]{16}`, kubeadm's. password: eight characters, as VRRP has them. */
  readonly form?: 'bootstrap-token' | 'password';
}

/** A 0600 kubeconfig with one context, certificates and key embedded. */
export interface GenerateKubeconfig {
  readonly path: string;
  /** `https://10.0.0.11:6443`. The first is written; another of them may have been chosen since. */
  readonly servers: readonly string[];
  readonly clusterName: string;
  readonly user: string;
  /** CA certificate file. */
  readonly ca: string;
  readonly client: CertificateFiles;
}
