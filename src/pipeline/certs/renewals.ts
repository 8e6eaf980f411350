import { defineModule, readRenewals, renewalProblems } from '../../module/index.js';
import { defineReading } from '../reading.js';

/** What is wrong with the renewals that hosts do by themselves. */
export const renewalProblemsOf = defineReading('renewals', defineModule('renewals', [readRenewals]), renewalProblems);
