import { connectorContract } from './contract.js';
import { localConnector } from './local.js';

connectorContract('local', async () => ({ connector: localConnector() }));
